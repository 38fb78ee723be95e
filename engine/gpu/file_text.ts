/** A file's path as the system writes it: without escapes, and from the drive letter on where there is one. */
export function fileText({ pathname }: URL): string {
  return decodeURIComponent(pathname).replace(/^\/(?=[A-Za-z]:\/)/, '');
}
