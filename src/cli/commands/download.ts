import { Command, Option } from 'commander';
import { BowError } from '../../base/index.ts';
import { downloadFile, downloadRepo, isTrue, type RepoType } from '../../hub/node/index.ts';
import { refuseGiven } from '../options.ts';
import { type OutputOptions, printResult, progressLine, stopSignal } from '../output.ts';

type Options = OutputOptions & {
  revision: string;
  type: RepoType;
  include?: string[];
  exclude?: string[];
  cacheDir?: string;
  parallel: string;
};

/** `bow2bot download <repository> [files...]` */
export function command(): Command {
  return new Command('download')
    .description('fetch a repository or files of it from the Hugging Face hub into the shared cache')
    .argument('<repository>', 'owner/name, or owner/name@revision')
    .argument('[files...]', 'single files; without any, all that match')
    .option('-r, --revision <revision>', 'branch, tag or commit', 'main')
    .addOption(
      new Option('--type <type>', 'kind of repository').choices(['model', 'dataset', 'space']).default('model'),
    )
    .option('--include <patterns...>', 'only files that match, such as "*.safetensors" or "onnx/"')
    .option('--exclude <patterns...>', 'no files that match')
    .option('--cache-dir <folder>', 'instead of HF_HUB_CACHE')
    .option('--parallel <n>', 'files at a time', '4')
    .addHelpText(
      'before',
      `Examples:
  bow2bot download openai/clip-vit-base-patch32 --include "*.json" "*.safetensors"
  bow2bot download gpt2 config.json tokenizer.json
  bow2bot download HuggingFaceM4/VQAv2@main --type dataset
`,
    )
    .addHelpText(
      'after',
      `
Prints the folder of the snapshot (or the path of every file). Honours HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT,
HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT, HF_HUB_ETAG_TIMEOUT, HF_HUB_DISABLE_PROGRESS_BARS, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY and
NODE_EXTRA_CA_CERTS.`,
    )
    .action(run);
}

async function run(repository: string, files: string[], o: Options, command: Command): Promise<void> {
  if (files.length > 0) refuseGiven(command, ['include', 'exclude', 'parallel'], 'with single files');
  if (repository.includes('@')) refuseGiven(command, ['revision'], 'with owner/name@revision');
  const parallel = Number(o.parallel);
  if (!Number.isInteger(parallel) || parallel < 1) {
    throw new BowError('usage', `--parallel must be a number of at least 1, not ${o.parallel}`);
  }
  const [id = '', revision = o.revision] = repository.split('@');
  const quiet = o.quiet || isTrue(process.env['HF_HUB_DISABLE_PROGRESS_BARS']);
  const hub = {
    ...(o.cacheDir === undefined ? {} : { cacheDir: o.cacheDir }),
    type: o.type,
    revision,
    signal: stopSignal(),
    onProgress: progressLine({ ...o, quiet }),
    onNotice: (text: string): void => void process.stderr.write(`${text}\n`),
  };
  if (files.length > 0) {
    const paths: string[] = [];
    for (const file of files) paths.push(await downloadFile(id, file, hub));
    printResult(o, { files: paths }, () => paths.join('\n'));
    return;
  }
  const patterns = { ...(o.include ? { include: o.include } : {}), ...(o.exclude ? { exclude: o.exclude } : {}) };
  const got = await downloadRepo(id, { ...hub, ...patterns, parallel });
  printResult(o, got, () => got.folder);
}
