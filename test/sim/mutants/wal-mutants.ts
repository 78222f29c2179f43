/** Bugs in the write-ahead log, which only a loss of power brings out (rules §12). */
import type { Mutant } from './mutant.js'

const WRITER = 'src/log/embedded/writer.ts'
const RECOVERY = 'src/log/embedded/recovery.ts'
const CHAIN = 'src/log/embedded/segment-chain.ts'

export const WAL_MUTANTS: readonly Mutant[] = [
  mutant(
    'append answered before its fsync',
    WRITER,
    'await segment.file.sync()',
    'void segment.file.sync().catch(() => {})',
  ),
  mutant(
    'fsync tried again',
    WRITER,
    'await segment.file.sync()',
    'await segment.file.sync().catch(() => segment.file.sync())',
  ),
  mutant('recovery without fsync', RECOVERY, '    await file.sync()\n    folder.rename', '    folder.rename'),
  mutant(
    'recovery believes open segments as they are',
    RECOVERY,
    'if (end !== undefined) {',
    'if (end !== undefined || scanned.groups.length > 0) {\n    const end = scanned.end',
  ),
  mutant(
    'new segment used before its name is durable',
    CHAIN,
    'await bothDurable(spare.file, folder)',
    'await spare.file.sync()',
  ),
]

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, harness: 'power loss', patches: [{ file, find, replace }] }
}
