/** Files by names that are not written quite as they are. */

/**
 * Finds a file by its path: as it is written, else with accents as one sign or two (macOS takes them apart, NFD, and most editors write them as one,
 * NFC), else in letters of another case, as sets have that were made where case makes no difference. Of several such files none is meant.
 */
export function spellings(files: readonly string[]): (path: string) => string | undefined {
  const present = new Set(files);
  const composed = byForm(files, (f) => f.normalize());
  const folded = byForm(files, (f) => f.normalize().toLowerCase());
  return (path) => {
    if (present.has(path)) return path;
    const form = path.normalize();
    return composed.get(form) ?? folded.get(form.toLowerCase()) ?? undefined;
  };
}

function byForm(files: readonly string[], form: (file: string) => string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const file of files) found.set(form(file), found.has(form(file)) ? null : file);
  return found;
}
