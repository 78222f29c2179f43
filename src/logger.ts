/**
 * Log lines are events: one JSON object each on stderr, with ids as fields. Message bodies and tokens never reach one.
 */
import { type Logger, pino } from 'pino'
import type { Config } from './config.js'

/** Writes straight to the file descriptor, so that lines of a dying thread are not lost. */
export function openLogger(config: Config, thread: string): Logger {
  const destination = pino.destination({ fd: 2, sync: true })
  return pino({ level: config.logLevel, base: { pid: process.pid, thread } }, destination)
}
