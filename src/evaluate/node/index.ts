/** What evaluation needs of Node: images on disk. */
export { type SetTestOptions, setTest } from './set-test.ts';
