/** The part of the hub room that needs Node: checkpoints on disk, downloads and their cache. */
export {
  type DownloadedRepo,
  downloadFile,
  downloadRepo,
  type HubOptions,
  listRepo,
} from './download.ts';
export { fileSource } from './file-source.ts';
export type { RemoteFile, RemoteListing } from './hub-api.ts';
export { type CachedRepo, type CachedRevision, removeCached, scanCache } from './hub-cache.ts';
export type { Repo, RepoType } from './hub-repo.ts';
export { type HubSettings, hubSettings, isTrue, ownCacheDir } from './hub-settings.ts';
export { openModelFiles, openSafetensors } from './open-safetensors.ts';
export { type LazyTensor, type WritableTensor, type WriteOptions, writeSafetensors } from './write-safetensors.ts';
