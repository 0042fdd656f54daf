// A policy in ten lines: it moves its tool onto the thing whose colour the instruction names. docs/world.md
const colours = { red: [1, 0, 0], green: [0, 1, 0], blue: [0, 0, 1], yellow: [1, 1, 0], purple: [1, 0, 1], cyan: [0, 1, 1] };
export async function act({ instruction }) {
  const [, wanted] = Object.entries(colours).find(([name]) => instruction.includes(name)) ?? [, [1, 1, 1]];
  const views = [{ camera: 'top', size: 128, hideArm: true }]; // sees 0.676 m across at the height of the table
  const fit = (image, { x, y, width, height }) => {
    const at = 3 * ((Math.floor(y + height / 2) * image.width) + Math.floor(x + width / 2));
    const rgb = [0, 1, 2].map((c) => image.data[at + c]), mean = (rgb[0] + rgb[1] + rgb[2]) / 3;
    return wanted.reduce((sum, w, c) => sum + w * (rgb[c] - mean), 0);
  };
  return { views, act: async ({ images: [image], boxes: [boxes], state: [x, y, z] }) => {
    const best = boxes.reduce((a, b) => (fit(image, b) > fit(image, a) ? b : a));
    const d = [0.676 * ((best.x + best.width / 2) / 128 - 0.5) - x, 0.676 * (0.5 - (best.y + best.height / 2) / 128) - y];
    const near = Math.hypot(...d) < 0.01;
    return { move: [...d, near ? -0.05 : 0.12 - z], turn: [0, 0, 0], grip: -1, done: false };
  } };
}
