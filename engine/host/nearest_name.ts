/** So many letters of a name are no accident: who wrote them meant a name that they are part of. */
const PART = 3;

/**
 * The name nearest to `name` without regard to case: the shortest that it is part of, else that of the smallest edit
 * distance; ties by order, undefined of none.
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const whole = names.filter((candidate) => candidate.toLowerCase().includes(wanted));
  if (wanted.length >= PART && whole.length > 0) {
    return whole.reduce((best, candidate) => (candidate.length < best.length ? candidate : best));
  }
  const distances = names.map((candidate) => editDistance(wanted, candidate.toLowerCase()));
  return names[distances.indexOf(Math.min(...distances))];
}

/** Levenshtein distance: the fewest insertions, deletions and replacements that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}
