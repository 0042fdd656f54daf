/**
 * COCO JSON: `captions_*.json` (Chen et al. 2015, arXiv:1504.00325), `instances_*.json` (Lin et al. 2014, arXiv:1405.0312), and Karpathy's split
 * (`dataset_coco.json`: captions inside the images, a `split` for each; Karpathy & Fei-Fei 2015, arXiv:1412.2306).
 */
import { BowError, parseJson } from '../base/index.ts';
import { textsOf } from './image-texts.ts';

export type CocoImage = Readonly<Record<string, unknown>>;

/** What one JSON file says, put together by image. */
export type CocoAnnotations = {
  readonly images: readonly CocoImage[];
  readonly captions: ReadonlyMap<string, readonly string[]>;
  readonly categories: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Reads the text of a file. Error `data`, with `place`, for what is no JSON or has no images. */
export function parseCoco(text: string, place: string): CocoAnnotations {
  const json = parseJson(text, place) as Record<string, unknown> | null;
  const list = (value: unknown): CocoImage[] =>
    Array.isArray(value) ? value.filter((x) => typeof x === 'object' && x !== null) : [];
  const images = list(json?.['images']);
  if (images.length === 0)
    throw new BowError('data', 'no list of images: neither COCO captions or instances nor a Karpathy split', {
      place,
    });
  const names = new Map(list(json?.['categories']).map((c) => [String(c['id']), String(c['name'])]));
  const captions = new Map<string, string[]>();
  const categories = new Map<string, Set<string>>();
  for (const a of list(json?.['annotations'])) {
    const image = String(a['image_id']);
    const said = textsOf(a['caption']);
    if (said.length > 0) captions.set(image, [...(captions.get(image) ?? []), ...said]);
    const name = names.get(String(a['category_id']));
    if (name !== undefined) categories.set(image, (categories.get(image) ?? new Set()).add(name));
  }
  return { images, captions, categories };
}

/** The file of an image; Karpathy's files keep its folder apart. */
export function cocoFileName(image: CocoImage): string {
  const name = image['file_name'] ?? image['filename'];
  const folder = image['filepath'];
  const text = typeof name === 'string' ? name : '';
  return typeof folder === 'string' && folder !== '' ? `${folder}/${text}` : text;
}
