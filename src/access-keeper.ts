/**
 * The main thread's part of access: the file of revocations, the fetching of key sets, and telling all workers. It serves
 * nobody, so a slow provider or disk holds up no connection.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { AccessChange, AccessSnapshot, RevokeOutcome } from './access/access-change.js'
import type { AccessConfig, JwksSource } from './access/access-config.js'
import { fetchKeys } from './access/jwks.js'
import { JwksRefresh } from './access/jwks-refresh.js'
import { type FetchedKeys, isSameSource } from './access/key-ring.js'
import { RevocationFile } from './access/revocation-file.js'
import type { Revocation } from './access/revocations.js'
import { type CountsMemory, SharedCounts } from './access/shared-counts.js'
import { SharedRates } from './access/shared-rates.js'
import { type Config, ConfigError } from './config.js'
import { SYSTEM_CLOCK } from './std/clock.js'
import { SYSTEM_RANDOM } from './std/random.js'

const FETCH_FAILED = 'cannot fetch a key set'

export class AccessKeeper implements AsyncDisposable {
  /** Tells every worker; set by whoever has them. */
  onChange: (change: AccessChange) => void = () => {}

  readonly #file: RevocationFile
  readonly #logger: Logger
  readonly #counts: CountsMemory
  readonly #rates = SharedRates.memory(SYSTEM_RANDOM.uint32())
  readonly #fetched = new Map<string, FetchedKeys>()
  readonly #sources = new Map<string, { readonly source: JwksSource; readonly refresh: JwksRefresh }>()

  private constructor(file: RevocationFile, counts: CountsMemory, logger: Logger) {
    this.#file = file
    this.#counts = counts
    this.#logger = logger
  }

  /** The data folder is locked by now. Throws ConfigError where its file of revocations cannot be read. */
  static async open(config: Config, logger: Logger): Promise<AccessKeeper> {
    const path = join(config.dataFolder, 'revocations')
    try {
      const seed = SYSTEM_RANDOM.uint32()
      const file = await RevocationFile.open(path)
      if (file.wasCut) logger.warn({ event: 'revocation-cut', path }, 'the last revocation was cut short; revoke again')
      const keeper = new AccessKeeper(file, SharedCounts.memory(config.workers, seed), logger)
      keeper.#fetchFor(config.access)
      return keeper
    } catch (cause) {
      throw new ConfigError(`cannot read who was revoked: ${(cause as Error).message}`, { cause })
    }
  }

  /** Everything so far, for a worker that begins now; later changes are told by `onChange`. */
  snapshot(): AccessSnapshot {
    const keys = [...this.#fetched.values()].map((fetched) => ({ kind: 'keys' as const, fetched }))
    const revoked = [...this.#file.revocations.all()].map((revocation) => ({ kind: 'revoked' as const, revocation }))
    return { changes: [...keys, ...revoked], counts: this.#counts, rates: this.#rates }
  }

  /** The workers were told already. */
  reconfigure(access: AccessConfig): void {
    const apps = new Map((access.apps ?? []).map(({ id, jwks }) => [id, jwks]))
    for (const [app, { source, refresh }] of this.#sources) {
      if (isSameSource(apps.get(app), source)) apps.delete(app)
      else {
        refresh.stop()
        this.#sources.delete(app)
        this.#fetched.delete(app)
      }
    }
    for (const [app, source] of apps) if (source !== undefined) this.#fetchFrom(app, source)
  }

  keyWanted(app: string): void {
    this.#sources.get(app)?.refresh.wanted()
  }

  /**
   * Tells every worker at once, since a stolen token waits for no disk; resolves once it is durable. Where it fails it holds
   * until the process ends, and asking again is safe.
   */
  async revoke(revocation: Revocation): Promise<RevokeOutcome> {
    if (!this.#file.revocations.hasRoomFor(revocation)) return 'full'
    const stored = this.#file.append(revocation)
    this.onChange({ kind: 'revoked', revocation })
    try {
      await stored
      return 'revoked'
    } catch (cause) {
      this.#logger.error({ event: 'revocation-failed', app: revocation.app, err: cause }, 'cannot store a revocation')
      return 'failed'
    }
  }

  /** A worker died, and its connections with it. */
  workerGone(index: number): void {
    new SharedCounts(this.#counts, index).clear(index)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { refresh } of this.#sources.values()) refresh.stop()
    await this.#file[Symbol.asyncDispose]()
  }

  #fetchFor({ apps = [] }: AccessConfig): void {
    for (const { id, jwks } of apps) if (jwks !== undefined) this.#fetchFrom(id, jwks)
  }

  #fetchFrom(app: string, source: JwksSource): void {
    const refresh = new JwksRefresh({
      app,
      clock: SYSTEM_CLOCK,
      random: SYSTEM_RANDOM,
      fetch: () => fetchKeys(source),
      fetched: (fetched) => {
        this.#fetched.set(app, fetched)
        this.onChange({ kind: 'keys', fetched })
      },
      failed: (cause) =>
        this.#logger.warn({ event: 'key-set-failed', app, url: withoutQuery(source.url), err: cause }, FETCH_FAILED),
    })
    this.#sources.set(app, { source, refresh })
    refresh.start()
  }
}

/** A query may hold a key of the provider's. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
