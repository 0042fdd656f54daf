import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { Command } from 'commander';
import { type DeviceProbe, type GemmFigure, measureGemm } from '../../engine/index.ts';
import { type NativeRuntime, nativeRuntime, probeInProcess } from '../../engine/node/index.ts';
import { wholeNumber } from '../options.ts';
import { type OutputOptions, printResult } from '../output.ts';
import { version } from '../version.ts';

/** What `bow2bot doctor` found. */
type Report = {
  readonly bow2bot: string;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly threads: number;
  readonly memoryGiB: number;
  readonly onnxruntime: NativeRuntime;
  readonly devices: readonly DeviceProbe[];
  /** Absent where not even the CPU works. */
  readonly gemm?: GemmFigure;
};

const indent = ' '.repeat(14);

/** What to do about a device that does not start; shown only for those. */
const remedies: Record<string, string> = {
  webgpu:
    'needs a Vulkan driver with its loader (libvulkan1), Metal or Direct3D 12; a software driver works too (VK_DRIVER_FILES=<icd.json>)',
  cuda: 'needs Linux x64, an NVIDIA driver, CUDA 12 with cuDNN 9, and `npm install onnxruntime-node@1.30.0`, whose installer fetches the CUDA libraries',
  cpu: 'needs a build of ONNX Runtime for this platform: `npm install onnxruntime-node@1.30.0`',
};

async function examine(o: { size: number }): Promise<Report> {
  const devices = await Promise.all((['cpu', 'webgpu', 'cuda'] as const).map((d) => probeInProcess(d)));
  return {
    bow2bot: version(),
    node: process.version,
    system: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    threads: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    onnxruntime: nativeRuntime,
    devices,
    ...(devices[0]?.works ? { gemm: await measureGemm({ size: o.size, device: 'cpu' }) } : {}),
  };
}

/** Which build is used, and why. */
function runtimeText({ from, version, folder, passedOver }: NativeRuntime): string {
  const used = {
    'onnxruntime-node': `${version}, of the installed onnxruntime-node (${folder})`,
    bow2bot: `${version}, the build in bow2bot's package${passedOver.length > 0 ? '' : ': no onnxruntime-node is installed beside it'}`,
    none: 'none for this platform',
  }[from ?? 'none'];
  return [used, ...passedOver.map((why) => `passed over: ${why}`)].join(`\n${indent}`);
}

const gemmRow = (g: GemmFigure): [string, string] => [
  'gemm',
  `${g.gflops.toFixed(0)} GFLOP/s float32 (${g.size}³, ${g.threads} threads, cpu)`,
];

function text(r: Report): string {
  const rows: [string, string][] = [
    ['bow2bot', r.bow2bot],
    ['node', `${r.node}, ${r.system}`],
    ['processor', `${r.processor}, ${r.threads} threads, ${r.memoryGiB} GiB`],
    ['onnxruntime', runtimeText(r.onnxruntime)],
    ...r.devices.map((d): [string, string] => [
      d.device,
      d.works ? 'works' : `not available: ${d.why}\n${indent}${remedies[d.device]}`,
    ]),
    ...(r.gemm ? [gemmRow(r.gemm)] : []),
  ];
  return rows.map(([k, v]) => `${k.padEnd(12)}  ${v}`).join('\n');
}

/** `bow2bot doctor` */
export function command(): Command {
  return new Command('doctor')
    .description('what this machine can run, what is missing and why')
    .option('--matrix-size <n>', 'size of the matrices that are multiplied', wholeNumber('matrix-size', 1, 16384), 1024)
    .addHelpText('before', 'Examples:\n  bow2bot doctor\n  bow2bot doctor --json\n')
    .action(async (o: OutputOptions & { matrixSize: number }) => {
      const report = await examine({ size: o.matrixSize });
      printResult(o, report, () => text(report));
    });
}
