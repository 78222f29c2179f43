/**
 * The bounds a gateway keeps, by default those of domain/limits.ts; tests take smaller ones.
 */
import { LIMITS } from '../domain/limits.js'

export type GatewayLimits = Readonly<Record<keyof typeof LIMITS, number>>

export const GATEWAY_LIMITS: GatewayLimits = LIMITS

/** Refs from here on are the gateway's own requests on behalf of a connection; clients use those below. */
export const OWN_REF = 0x8000_0000

/** A WebSocket close code is this plus the refusal's: 1301 closes with 4301. */
export const CLOSE_CODE_BASE = 3000
