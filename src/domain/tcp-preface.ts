/** What a client of plain TCP sends before its first frame: it tells a stranger apart, and versions from each other. */
export const TCP_PREFACE = new TextEncoder().encode('parley1\n')
