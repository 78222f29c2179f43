/**
 * What `strace -f -ttt -xx` writes, read back: calls with the bytes they carried, and the moments when they were entered and left.
 * A moment is a line number: strace sees one stop of one thread at a time, so the order of lines is an order of things.
 */
export interface Call {
  readonly thread: string
  readonly name: string
  readonly descriptor: number
  /** All bytes in its arguments, one after another; cut where strace was told to cut. */
  readonly data: Buffer
  readonly entered: number
  /** Infinity for a call that never came back. */
  left: number
  result: number
}

/** The options that this file understands the output of; the output file and the command follow. */
export const STRACE_OPTIONS = [
  ...['-f', '-ttt', '-xx', '-s', '16384'],
  ...['-e', 'trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fdatasync,fsync'],
] as const

const LINE = /^(\d+)\s+[\d.]+ (.*)$/
const RESUMED = /^<\.\.\. (\w+) resumed>/
const BEGUN = /^(\w+)\((\d+)/
const RESULT = /\)\s+= (-?\d+)/
const TEXT = /"((?:\\x[0-9a-f]{2})*)"/g

export function callsOf(trace: string): Call[] {
  const calls: Call[] = []
  const unfinished = new Map<string, Call>()
  for (const [number, line] of trace.split('\n').entries()) {
    const [, thread, what] = LINE.exec(line) ?? []
    if (thread === undefined || what === undefined) continue
    const resumed = RESUMED.exec(what)
    if (resumed !== null) {
      const call = unfinished.get(thread)
      unfinished.delete(thread)
      if (call?.name === resumed[1]) leave(call, number, what)
      continue
    }
    const begun = BEGUN.exec(what)
    if (begun === null) continue
    const [, name, descriptor] = begun
    const call = {
      thread,
      name: name!,
      descriptor: Number(descriptor),
      data: dataOf(what),
      entered: number,
      left: Number.POSITIVE_INFINITY,
      result: Number.NaN,
    }
    calls.push(call)
    if (what.includes('<unfinished ...>')) unfinished.set(thread, call)
    else leave(call, number, what)
  }
  return calls
}

function leave(call: Call, moment: number, what: string): void {
  call.left = moment
  call.result = Number(RESULT.exec(what)?.[1])
}

function dataOf(what: string): Buffer {
  const texts = [...what.matchAll(TEXT)].map(([, text]) => Buffer.from(text!.replaceAll('\\x', ''), 'hex'))
  return Buffer.concat(texts)
}
