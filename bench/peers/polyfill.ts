import 'core-js/actual/iterator/index.js';
