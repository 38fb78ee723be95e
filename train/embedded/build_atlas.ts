/**
 * Builds the committed icon atlas `icons.png` and `icons.json` from the emoji sets among the development
 * dependencies: `npx tsx train/embedded/build_atlas.ts && npm run format`. Only needed after a change of the icon names
 * or of our own drawings.
 */
import { writeFileSync } from 'node:fs';
import { buildAtlas } from './atlas_builder.ts';
import { paintedTables } from './tables.ts';

const { png, index } = await buildAtlas({
  sets: ['noto', 'fluent-emoji-flat'],
  drawings: paintedTables,
  withOthers: true,
});
const json = `${JSON.stringify(index, null, 2)}\n`;
writeFileSync(new URL('./icons.png', import.meta.url), png);
writeFileSync(new URL('./icons.json', import.meta.url), json);
console.log(`${index.cells.length} icons: icons.png ${png.length} bytes, icons.json ${json.length} bytes`);
