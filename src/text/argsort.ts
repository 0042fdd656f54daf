/**
 * `argsort` (kind quicksort) of numpy 1.24, and of later versions on processors without AVX2; not stable above 16 elements: needed only to keep
 * the very terms that scikit-learn keeps when counts are tied at the `maxFeatures` cut. Introsort on indices: median of three, insertion sort at 16, heap sort below 2·⌊log₂ n⌋ levels.
 */
export function numpyArgsort(v: ArrayLike<number>): Int32Array {
  const order = Int32Array.from({ length: v.length }, (_, i) => i);
  const stack: [number, number, number][] = [[0, v.length - 1, 2 * Math.floor(Math.log2(Math.max(1, v.length)))]];
  while (stack.length > 0) {
    let [low, high, depth] = stack.pop()!;
    const heap = depth < 0; // looked at when a range is taken from the stack, as numpy does
    while (!heap && high - low > 15) {
      const middle = partition(v, order, low, high);
      depth--;
      if (middle - low < high - middle) {
        stack.push([middle + 1, high, depth]);
        high = middle - 1;
      } else {
        stack.push([low, middle - 1, depth]);
        low = middle + 1;
      }
    }
    if (heap) heapSort(v, order, low, high - low + 1);
    else insertionSort(v, order, low, high);
  }
  return order;
}

function swap(a: Int32Array, i: number, j: number): void {
  const t = a[i]!;
  a[i] = a[j]!;
  a[j] = t;
}

function partition(v: ArrayLike<number>, a: Int32Array, low: number, high: number): number {
  const middle = low + ((high - low) >> 1);
  if (v[a[middle]!]! < v[a[low]!]!) swap(a, middle, low);
  if (v[a[high]!]! < v[a[middle]!]!) swap(a, high, middle);
  if (v[a[middle]!]! < v[a[low]!]!) swap(a, middle, low);
  const pivot = v[a[middle]!]!;
  let i = low;
  let j = high - 1;
  swap(a, middle, j);
  for (;;) {
    do i++;
    while (v[a[i]!]! < pivot);
    do j--;
    while (pivot < v[a[j]!]!);
    if (i >= j) break;
    swap(a, i, j);
  }
  swap(a, i, high - 1);
  return i;
}

function insertionSort(v: ArrayLike<number>, a: Int32Array, low: number, high: number): void {
  for (let i = low + 1; i <= high; i++) {
    const x = a[i]!;
    let j = i;
    while (j > low && v[x]! < v[a[j - 1]!]!) {
      a[j] = a[j - 1]!;
      j--;
    }
    a[j] = x;
  }
}

function heapSort(v: ArrayLike<number>, a: Int32Array, low: number, count: number): void {
  const sift = (from: number, n: number, x: number): void => {
    let i = from;
    for (let j = i * 2; j <= n; j = i * 2) {
      if (j < n && v[a[low + j - 1]!]! < v[a[low + j]!]!) j++;
      if (!(v[x]! < v[a[low + j - 1]!]!)) break;
      a[low + i - 1] = a[low + j - 1]!;
      i = j;
    }
    a[low + i - 1] = x;
  };
  for (let l = count >> 1; l > 0; l--) sift(l, count, a[low + l - 1]!);
  for (let n = count; n > 1; ) {
    const x = a[low + n - 1]!;
    a[low + n - 1] = a[low]!;
    sift(1, --n, x);
  }
}
