/** Workers and child processes run compiled code: under the tests this source runs from `src/`, its compiled counterpart is in `dist/`. */

/** URL of a compiled module beside the caller: `compiledUrl('./worker.js', import.meta.url)`. */
export function compiledUrl(path: string, from: string): URL {
  const url = new URL(path, from);
  const at = url.pathname.lastIndexOf('/src/');
  if (at >= 0 && from.endsWith('.ts')) url.pathname = `${url.pathname.slice(0, at)}/dist/${url.pathname.slice(at + 5)}`;
  return url;
}
