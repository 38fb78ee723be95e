import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The name that asks for it. */
export const SWIFTSHADER = 'swiftshader';

/** Where browsers keep SwiftShader's Vulkan library on Linux. */
const LIBRARIES = [
  '/usr/lib/chromium/libvk_swiftshader.so',
  '/usr/lib/chromium-browser/libvk_swiftshader.so',
  '/usr/lib64/chromium-browser/libvk_swiftshader.so',
  '/opt/google/chrome/libvk_swiftshader.so',
  '/opt/microsoft/msedge/libvk_swiftshader.so',
];
const MANIFEST = 'vk_swiftshader_icd.json';

/**
 * The Vulkan driver manifest of an installed SwiftShader, or null. Browsers ship one beside the library; where it
 * is missing, one is written into the cache.
 * @param libraries candidate paths of the library, first found wins
 */
export async function findSwiftshader(
  cache: URL,
  libraries: readonly string[] = LIBRARIES,
): Promise<string | null> {
  const library = libraries.find((file) => existsSync(file));
  if (library === undefined) return null;
  const shipped = join(dirname(library), MANIFEST);
  if (existsSync(shipped)) return shipped;
  const written = fileURLToPath(new URL(`vulkan/${MANIFEST}`, cache));
  await mkdir(dirname(written), { recursive: true });
  const icd = { file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.1.0' } };
  await writeFile(written, JSON.stringify(icd));
  return written;
}

/** The loader's variables for its list of drivers; loaders before 1.3.207 know the second one only. */
const DRIVER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'];

/** Runs `open` while a driver manifest is the only one that the Vulkan loader reads. */
export async function withDriver<T>(manifest: string, open: () => Promise<T>): Promise<T> {
  const before = DRIVER_VARIABLES.map((name) => process.env[name]);
  for (const name of DRIVER_VARIABLES) process.env[name] = manifest;
  try {
    return await open();
  } finally {
    for (const [i, name] of DRIVER_VARIABLES.entries()) {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    }
  }
}
