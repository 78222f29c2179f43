/** member: a user of the app. service, admin: the app's own servers and operators, who may use the HTTP API. */
export const ROLES = ['member', 'service', 'admin'] as const
export type Role = (typeof ROLES)[number]
