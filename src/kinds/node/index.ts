/** Loaders: data of every kind from disk. Node only. */
export { loadCaptionedImages } from './captioned-images.ts';
export { loadImageTasks } from './image-tasks.ts';
export { loadData, registerLoader } from './loaders.ts';
export { readTexts } from './texts.ts';
