import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { Command } from 'commander';
import { type DeviceProbe, type GemmFigure, measureGemm } from '../../engine/index.ts';
import { probeInProcess } from '../../engine/node/index.ts';
import { type OutputOptions, printResult } from '../output.ts';
import { packageVersion, version } from '../version.ts';

/** What `bow2bot doctor` found. */
type Report = {
  readonly bow2bot: string;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly threads: number;
  readonly memoryGiB: number;
  readonly onnxruntime: string;
  readonly devices: readonly DeviceProbe[];
  readonly gemm: GemmFigure;
};

/** What to do about a device that does not start; shown only for those. */
const remedies: Record<string, string> = {
  webgpu:
    'needs a Vulkan driver with its loader (libvulkan1), Metal or Direct3D 12; a software driver works too (VK_DRIVER_FILES=<icd.json>)',
  cuda: 'needs an NVIDIA driver and onnxruntime-node installed with its CUDA libraries (ONNXRUNTIME_NODE_INSTALL=cuda12)',
  cpu: 'onnxruntime-node could not be loaded: reinstall the dependencies for this platform',
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
    onnxruntime: packageVersion('onnxruntime-node'),
    devices,
    gemm: await measureGemm({ size: o.size, device: 'cpu' }),
  };
}

function text(r: Report): string {
  const rows: [string, string][] = [
    ['bow2bot', r.bow2bot],
    ['node', `${r.node}, ${r.system}`],
    ['processor', `${r.processor}, ${r.threads} threads, ${r.memoryGiB} GiB`],
    ['onnxruntime', r.onnxruntime],
    ...r.devices.map((d): [string, string] => [
      d.device,
      d.works ? 'works' : `not available: ${d.why}\n${' '.repeat(14)}${remedies[d.device]}`,
    ]),
    ['gemm', `${r.gemm.gflops.toFixed(0)} GFLOP/s float32 (${r.gemm.size}³, ${r.gemm.threads} threads, cpu)`],
  ];
  return rows.map(([k, v]) => `${k.padEnd(12)}  ${v}`).join('\n');
}

/** `bow2bot doctor` */
export function command(): Command {
  return new Command('doctor')
    .description('what this machine can run, what is missing and why')
    .option('--size <n>', 'size of the matrices in the speed measurement', (v) => Number.parseInt(v, 10), 1024)
    .action(async (o: OutputOptions & { size: number }) => {
      const report = await examine(o);
      printResult(o, report, () => text(report));
    });
}
