/** What a set passes over, as a person wants to hear it: one note for a kind of thing, not one for each. */
import type { RecordOptions, SkippedImage } from '../images.ts';

export type NoteTally = {
  /** Counts one thing of a kind; the first is named by its `place`. */
  add(reason: string, place: string): void;
  /** Tells what was counted: the first place of each kind, and how many more there are. */
  flush(): void;
};

export function noteTally(onNote: RecordOptions['onNote']): NoteTally {
  const kinds = new Map<string, { readonly place: string; count: number }>();
  return {
    add(reason, place) {
      const kind = kinds.get(reason);
      if (kind) kind.count++;
      else kinds.set(reason, { place, count: 1 });
    },
    flush() {
      for (const [reason, { place, count }] of kinds)
        onNote?.({ place, reason: count > 1 ? `${reason} (and ${count - 1} more)` : reason });
      kinds.clear();
    },
  };
}

/** One note for things of one kind by their places; none for none. */
export function notesOf(reason: string, places: readonly string[]): SkippedImage[] {
  const notes: SkippedImage[] = [];
  const tally = noteTally((n) => notes.push(n));
  for (const place of places) tally.add(reason, place);
  tally.flush();
  return notes;
}
