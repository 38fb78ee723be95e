// First module of a thread, in JavaScript: on Node 20 a thread does not inherit the TypeScript loader.
import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');
