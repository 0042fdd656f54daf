/** What evaluation needs of Node: images on disk. */
export { type ImageSetOptions, imageTests } from './image-sets.ts';
export { type SetTestOptions, setTest } from './set-test.ts';
