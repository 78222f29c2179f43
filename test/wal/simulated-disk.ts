/**
 * A disk that keeps a record of everything done to it, and can show what a power loss at any moment would have left.
 *
 * The model is the harsh reading of POSIX. What was written but not synced survives in any selection of 512-byte
 * sectors; names that were not synced survive in any selection of changes. Writes that a failed sync covered stay in
 * doubt for ever, whatever later syncs say: the kernel calls their pages clean. Names are kinder, because file systems
 * journal them: a journal that failed once takes nothing more, so a folder sync that succeeds covers all before it.
 * Until the power is lost everybody sees everything, so killing a process loses nothing but the process.
 */
import { ok } from 'node:assert/strict'
import { type LogFile, type LogFolder, WriteError } from '../../src/log/embedded/file-port.js'
import { GrowingBytes } from '../../src/std/bytes.js'
import { fraction, type Random } from '../../src/std/random.js'

const SECTOR_BYTES = 512

interface Inode {
  readonly content: GrowingBytes
  /** What a power loss before the first recorded write leaves. */
  readonly base: Uint8Array
}

type Op =
  | { readonly kind: 'write'; readonly inode: Inode; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'synced'; readonly inode: Inode; readonly covers: number; readonly ok: boolean }
  | { readonly kind: 'named'; readonly inode: Inode; readonly from?: string; readonly to?: string }
  | { readonly kind: 'names synced'; readonly covers: number; readonly ok: boolean }

export type FaultPoint = 'write' | 'sync' | 'folder sync' | 'create' | 'rename' | 'unlink'

/** An error code where the operation is to fail. */
export type Faults = (point: FaultPoint) => string | undefined

export class SimulatedDisk {
  readonly #names = new Map<string, Inode>()
  readonly #baseNames: ReadonlyMap<string, Inode>
  readonly #ops: Op[] = []
  readonly #random: Random

  constructor(random: Random, files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#random = random
    for (const [name, bytes] of files) {
      const content = new GrowingBytes()
      content.append(bytes)
      this.#names.set(name, { content, base: bytes })
    }
    this.#baseNames = new Map(this.#names)
  }

  /** How many operations have been recorded; a moment to cut at. */
  get moment(): number {
    return this.#ops.length
  }

  /** Moments just after a change of names: where one file takes over from another. */
  momentsOfNames(): number[] {
    return this.#ops.flatMap((op, index) => (op.kind === 'named' ? [index + 1] : []))
  }

  /** The folder as one thread sees it, until that thread is killed. */
  thread(faults: Faults = () => undefined): ThreadFolder {
    return new ThreadFolder({ names: this.#names, ops: this.#ops, random: this.#random, faults })
  }

  /** Changes a byte behind everybody's back. */
  damage(name: string, offset: number): void {
    const { content } = this.#names.get(name)!
    ok(offset < content.size)
    content.bytes.u8[offset]! ^= 0x55
  }

  /** What is on the disk if the power is lost at `moment`. */
  afterPowerLoss(moment: number, random: Random): Map<string, Uint8Array> {
    const survives = selection(random)
    const images = new Map<Inode, Uint8Array>()
    const names = new Map(this.#baseNames)
    for (let index = 0; index < moment; index++) {
      const op = this.#ops[index]!
      if (op.kind === 'write') {
        const image = images.get(op.inode) ?? op.inode.base
        images.set(op.inode, overwritten(image, op, this.#isDurable(index, moment, op.inode) ? () => true : survives))
      } else if (op.kind === 'named' && (this.#isNameDurable(index, moment) || survives())) {
        if (op.from !== undefined && names.get(op.from) === op.inode) names.delete(op.from)
        if (op.to !== undefined) names.set(op.to, op.inode)
      }
    }
    return new Map([...names].map(([name, inode]) => [name, images.get(inode) ?? inode.base]))
  }

  /** What is there now, as every process sees it. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([name, { content }]) => [name, content.written().slice()]))
  }

  /** The first sync of a file that covered the write decides; a later one says nothing about it. */
  #isDurable(index: number, moment: number, inode: Inode): boolean {
    for (let later = index + 1; later < moment; later++) {
      const op = this.#ops[later]!
      if (op.kind === 'synced' && op.inode === inode && op.covers > index) return op.ok
    }
    return false
  }

  #isNameDurable(index: number, moment: number): boolean {
    for (let later = index + 1; later < moment; later++) {
      const op = this.#ops[later]!
      if (op.kind === 'names synced' && op.covers > index && op.ok) return true
    }
    return false
  }
}

interface ThreadContext {
  readonly names: Map<string, Inode>
  readonly ops: Op[]
  readonly random: Random
  readonly faults: Faults
}

export class ThreadFolder implements LogFolder {
  readonly path = 'simulated'
  readonly #context: ThreadContext
  #isKilled = false

  constructor(context: ThreadContext) {
    this.#context = context
  }

  /** Nothing of this thread reaches the disk any more, and nothing it waits for comes. */
  kill(): void {
    this.#isKilled = true
  }

  names(): string[] {
    return [...this.#context.names.keys()]
  }

  create(name: string): LogFile {
    this.#attempt('create')
    if (this.#context.names.has(name)) throw failure('EEXIST', name)
    const inode: Inode = { content: new GrowingBytes(), base: new Uint8Array(0) }
    this.#context.names.set(name, inode)
    this.#context.ops.push({ kind: 'named', inode, to: name })
    return this.#open(inode)
  }

  openToRead(name: string): LogFile {
    return this.#open(this.#find(name))
  }

  rename(from: string, to: string): void {
    this.#attempt('rename')
    const inode = this.#find(from)
    this.#context.names.delete(from)
    this.#context.names.set(to, inode)
    this.#context.ops.push({ kind: 'named', inode, from, to })
  }

  unlink(name: string): void {
    this.#attempt('unlink')
    const inode = this.#find(name)
    this.#context.names.delete(name)
    this.#context.ops.push({ kind: 'named', inode, from: name })
  }

  sync(): Promise<void> {
    return this.#sync('folder sync', (covers, isOk) => ({ kind: 'names synced', covers, ok: isOk }))
  }

  #open(inode: Inode): LogFile {
    const { content } = inode
    let isClosed = false
    const requireOpen = () => ok(!isClosed, 'the file is closed')
    return {
      write: (parts, at) => {
        requireOpen()
        const whole = Buffer.concat(parts)
        let error: unknown
        try {
          this.#attempt('write')
        } catch (cause) {
          error = cause
        }
        const written = error === undefined ? whole.byteLength : this.#below(whole.byteLength)
        const bytes = whole.subarray(0, written)
        if (content.size < at + written) content.reserve(at + written - content.size)
        content.bytes.u8.set(bytes, at)
        if (!this.#isKilled) this.#context.ops.push({ kind: 'write', inode, at, bytes })
        if (error !== undefined) throw new WriteError(written, error)
      },
      sync: () => {
        requireOpen()
        return this.#sync('sync', (covers, isOk) => ({ kind: 'synced', inode, covers, ok: isOk }))
      },
      read: async (into, at) => {
        await this.#turns()
        requireOpen()
        const taken = content.written().subarray(at, at + into.byteLength)
        into.set(taken)
        return taken.byteLength
      },
      size: () => content.size,
      close: () => {
        requireOpen()
        isClosed = true
      },
    }
  }

  async #sync(point: FaultPoint, opOf: (covers: number, isOk: boolean) => Op): Promise<void> {
    const covers = this.#context.ops.length
    await this.#turns()
    const code = this.#context.faults(point)
    this.#context.ops.push(opOf(covers, code === undefined))
    if (code !== undefined) throw failure(code, point)
  }

  /** Lets some turns of the event loop pass; for ever where the thread is killed meanwhile. */
  async #turns(): Promise<void> {
    for (let left = 1 + (this.#context.random.uint32() % 3); left > 0; left--) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (this.#isKilled) await new Promise(() => {})
  }

  #attempt(point: FaultPoint): void {
    if (this.#isKilled) throw failure('EKILLED', point)
    const code = this.#context.faults(point)
    if (code !== undefined) throw failure(code, point)
  }

  #find(name: string): Inode {
    const inode = this.#context.names.get(name)
    if (inode === undefined) throw failure('ENOENT', name)
    return inode
  }

  #below(bound: number): number {
    return this.#context.random.uint32() % bound
  }
}

/** Which of what was in doubt survives: all, nothing, most, few, or half of it, by lot. */
function selection(random: Random): () => boolean {
  const chance = [0, 0.1, 0.5, 0.9, 1][random.uint32() % 5]!
  return () => fraction(random) < chance
}

function overwritten(
  image: Uint8Array,
  { at, bytes }: { readonly at: number; readonly bytes: Uint8Array },
  survives: () => boolean,
): Uint8Array {
  const size = Math.max(image.byteLength, at + bytes.byteLength)
  const next = new Uint8Array(size)
  next.set(image)
  for (let from = 0; from < bytes.byteLength; ) {
    const to = Math.min(from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES), bytes.byteLength)
    if (survives()) next.set(bytes.subarray(from, to), at + from)
    from = to
  }
  return next
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}
