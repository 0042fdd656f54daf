/** Started as a process of its own by {@link probeInProcess}: native code may write to stderr or die, and neither reaches the caller. */
import { type DeviceProbe, probeDevice } from '../index.ts';

const probe: DeviceProbe = await probeDevice(process.argv[2] as DeviceProbe['device']);
process.stdout.write(JSON.stringify(probe));
