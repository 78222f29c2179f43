/**
 * What somebody meant who misspelt a name: the one with the fewest letters to change, if they are few.
 */

/** Undefined where nothing known is near: at most a third of the letters, and never more than three, may differ. */
export function closestName(name: string, known: Iterable<string>): string | undefined {
  let closest: string | undefined
  let least = Math.min(3, Math.ceil(name.length / 3)) + 1
  for (const candidate of known) {
    const changes = changesBetween(name.toLowerCase(), candidate.toLowerCase())
    if (changes >= least) continue
    least = changes
    closest = candidate
  }
  return closest
}

/** Letters to put in, take out, replace, or swap with their neighbour. */
function changesBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, beforeLast[j - 2]! + 1)
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
