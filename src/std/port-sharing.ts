/**
 * Whether several threads may listen on one port with sockets of their own, for the kernel to spread connections over
 * (SO_REUSEPORT): Node's net module can since 22.12 and 23.1, where the kernel can.
 */
declare module 'node:net' {
  interface ListenOptions {
    reusePort?: boolean
  }
}

export function canSharePorts(nodeVersion = process.versions.node, platform: string = process.platform): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  return platform === 'linux' && (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12))
}
