/**
 * What was appended to a set of shards, when, and what may therefore be found after a crash.
 */
import { deepEqual, fail, ok } from 'node:assert/strict'
import type { LoggedFrame, Tail } from '../../src/log/shard-log.js'

interface Attempt {
  readonly frame: string
  readonly moment: number
  readonly isRefused: boolean
}

export class History {
  /** By `shard/tail`. */
  readonly #attempts = new Map<string, Attempt[]>()
  /** By shard, then tail: what somebody was promised, with the moment of the promise. */
  readonly #promised: Map<Tail, { readonly frame: string; readonly moment: number }>[]
  readonly #allowed: { readonly below: Tail; readonly moment: number }[][]

  constructor(shardCount: number) {
    this.#promised = Array.from({ length: shardCount }, () => new Map())
    this.#allowed = Array.from({ length: shardCount }, () => [])
  }

  attempted(shard: number, tail: Tail, frame: string, moment: number): void {
    const attempts = this.#attempts.get(`${shard}/${tail}`) ?? []
    this.#attempts.set(`${shard}/${tail}`, [...attempts, { frame, moment, isRefused: false }])
  }

  refused(shard: number, tail: Tail, frame: string): void {
    const attempts = this.#attempts.get(`${shard}/${tail}`) ?? []
    this.#attempts.set(
      `${shard}/${tail}`,
      attempts.map((attempt) => (attempt.frame === frame ? { ...attempt, isRefused: true } : attempt)),
    )
  }

  promised(shard: number, tail: Tail, frame: string, moment: number): void {
    const before = this.#promised[shard]!.get(tail)
    if (before === undefined) this.#promised[shard]!.set(tail, { frame, moment })
    else ok(before.frame === frame, `shard ${shard} tail ${tail} was promised as ${before.frame}, now ${frame}`)
  }

  purgeAllowed(shard: number, below: Tail, moment: number): void {
    this.#allowed[shard]!.push({ below, moment })
  }

  /** Fails unless `frames` are what may be found in the shard after a crash at `moment`. */
  check(shard: number, frames: readonly LoggedFrame[], moment: number): void {
    const found = new Map(frames.map(({ tail, bytes }) => [tail, textOf(bytes)]))
    const tails = frames.map(({ tail }) => tail)
    deepEqual(
      tails,
      Array.from(tails, (_, index) => tails[0]! + index),
      `shard ${shard} has gaps: ${tails}`,
    )
    for (const [tail, frame] of found) {
      const attempt = this.#attempts.get(`${shard}/${tail}`)?.find((other) => other.frame === frame)
      if (attempt === undefined || attempt.moment > moment) fail(`shard ${shard} tail ${tail}: invented ${frame}`)
      ok(!attempt.isRefused, `shard ${shard} tail ${tail}: ${frame} was refused`)
    }
    const promised = [...this.#promised[shard]!].filter(([, promise]) => promise.moment <= moment)
    const newest = Math.max(0, ...promised.map(([tail]) => tail))
    const allowed = this.#allowed[shard]!.filter((purge) => purge.moment <= moment).map(({ below }) => below)
    const needed = Math.min(newest, Math.max(0, ...allowed))
    for (const [tail, { frame }] of promised) {
      if (found.has(tail) || tail >= needed) {
        deepEqual(found.get(tail), frame, `shard ${shard} tail ${tail}: promised ${frame}, found ${found.get(tail)}`)
      }
    }
  }
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
