import { configureGlobal } from 'fast-check';

// loaded before each test file by `npm test`: the same examples every time, unless --seed asks for others
configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });
