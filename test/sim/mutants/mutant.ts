/** A planted bug: small patches of named files. */
export interface Mutant {
  readonly name: string
  /** What should catch it: simulated worlds, or the WAL's replay of power losses. */
  readonly harness: 'worlds' | 'power loss'
  readonly patches: readonly Patch[]
}

export interface Patch {
  readonly file: string
  /** Must occur exactly once, so that a patch whose ground has shifted is an error and not an empty mutant. */
  readonly find: string
  readonly replace: string
}

/** One that simulated worlds should catch. */
export function mutant(name: string, ...patches: Patch[]): Mutant {
  return { name, harness: 'worlds', patches }
}

export function patched(mutant: Mutant, file: string, source: string): string {
  for (const patch of mutant.patches) {
    if (patch.file !== file) continue
    const parts = source.split(patch.find)
    if (parts.length !== 2) throw new Error(`${mutant.name}: "${patch.find}" is ${parts.length - 1} times in ${file}`)
    source = parts.join(patch.replace)
  }
  return source
}
