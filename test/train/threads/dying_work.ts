import type { WorkModule } from '../../../train/threads/pool.ts';

/** Work that takes as long as its thread lives, which is not long: it ends, or throws, outside of any request. */
export const createWork: WorkModule<'exits' | 'throws', never>['createWork'] = (end) => () => {
  setTimeout(() => {
    if (end === 'exits') process.exit(3);
    throw new Error('thrown outside of a request');
  }, 20);
  return new Promise<never>(() => {});
};

export const buffersOf: WorkModule<string, never>['buffersOf'] = () => [];
