/** Whether one of a request's headers, their names in small letters, is one that proxies add. */
export function isForwarded(names: readonly string[]): boolean {
  return names.some(isProxyHeader)
}

function isProxyHeader(name: string): boolean {
  return name === 'forwarded' || name === 'via' || name === 'x-real-ip' || name.startsWith('x-forwarded-')
}
