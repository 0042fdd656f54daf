/**
 * COCO JSON: `captions_*.json` (Chen et al. 2015, arXiv:1504.00325), `instances_*.json` (Lin et al. 2014, arXiv:1405.0312), and Karpathy's split
 * (`dataset_coco.json`: captions inside the images, a `split` for each; Karpathy & Fei-Fei 2015, arXiv:1412.2306).
 */
import { BowError, isRecord, parseJson } from '../base/index.ts';
import { textsOf } from './image-texts.ts';

export type CocoImage = Readonly<Record<string, unknown>>;

/** What one JSON file says, put together by image. */
export type CocoAnnotations = {
  readonly images: readonly CocoImage[];
  readonly captions: ReadonlyMap<string, readonly string[]>;
  readonly categories: ReadonlyMap<string, ReadonlySet<string>>;
  /** What was passed over, a line for each kind: annotations for images that are not listed, categories without a name, … */
  readonly notes: readonly string[];
};

/** Reads the text of a file. Error `data`, with `place`, for what is no JSON or has no images. */
export function parseCoco(text: string, place: string): CocoAnnotations {
  const json = parseJson(text, place) as Record<string, unknown> | null;
  const passed = new Map<string, { count: number; first: string }>();
  const pass = (what: string, which: unknown): void => {
    const before = passed.get(what);
    if (before) before.count++;
    else passed.set(what, { count: 1, first: String(which) });
  };
  const list = (key: string): CocoImage[] => {
    const value = Array.isArray(json?.[key]) ? (json[key] as unknown[]) : [];
    value.forEach((x, i) => {
      if (!isRecord(x)) pass(`entries of "${key}" that are no objects`, i);
    });
    return value.filter(isRecord);
  };
  const images = list('images');
  if (images.length === 0)
    throw new BowError('data', 'no list of images: neither COCO captions or instances nor a Karpathy split', {
      place,
    });
  const listed = new Set(images.map(cocoId));
  const names = new Map(
    list('categories').flatMap((c) => (c['name'] === undefined ? [] : [[String(c['id']), String(c['name'])]])),
  );
  const captions = new Map<string, string[]>();
  const categories = new Map<string, Set<string>>();
  for (const a of list('annotations')) {
    const image = String(a['image_id']);
    if (!listed.has(image)) {
      pass('annotations for images that are not listed', `image_id ${image}`);
      continue;
    }
    const said = textsOf(a['caption']);
    if ('caption' in a && said.length === 0) pass('captions without a text', `image_id ${image}`);
    captions.set(image, together(captions.get(image), said));
    if (a['category_id'] === undefined) continue;
    const name = names.get(String(a['category_id']));
    if (name === undefined) pass('annotations of a category that has no name', `category_id ${a['category_id']}`);
    else categories.set(image, (categories.get(image) ?? new Set()).add(name));
  }
  const notes = [...passed].map(([what, { count, first }]) => `${count} ${what} (first: ${first})`);
  return { images, captions, categories, notes };
}

function together(list: string[] = [], more: readonly string[]): string[] {
  for (const text of more) list.push(text);
  return list;
}

/** What annotations call an image. */
export function cocoId(image: CocoImage): string {
  return String(image['id'] ?? image['cocoid'] ?? image['imgid'] ?? cocoFileName(image));
}

/** The file of an image: Karpathy's files keep its folder apart; where no file is named, the address it was fetched from. */
export function cocoFileName(image: CocoImage): string {
  const name = image['file_name'] ?? image['filename'] ?? image['coco_url'] ?? image['flickr_url'];
  const folder = image['filepath'];
  const text = typeof name === 'string' ? name : '';
  return typeof folder === 'string' && folder !== '' ? `${folder}/${text}` : text;
}
