import type { Tile } from '../../kernels/kernel.ts';

/** `WG=64 ROWS=4`. */
export function describeTile(tile: Tile): string {
  return Object.entries(tile)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

/** `plain WG=64`. */
export function tileText(variant: string, tile: Tile): string {
  return `${variant} ${describeTile(tile)}`.trim();
}
