/** Where the command line keeps what can be had again. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$BOW2BOT_CACHE`, else `$XDG_CACHE_HOME/bow2bot`, else `~/.cache/bow2bot`; models of the hub have the hub's own cache. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['BOW2BOT_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bow2bot');
}
