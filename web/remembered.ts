/** A choice that this browser keeps, where it keeps anything: a private window may refuse to. */
export interface Remembered {
  find(): string | undefined
  keep(choice: string): void
}

export function remembered(key: string): Remembered {
  return {
    find() {
      try {
        return localStorage.getItem(key) ?? undefined
      } catch {
        return undefined
      }
    },
    keep(choice) {
      try {
        localStorage.setItem(key, choice)
      } catch {
        // The choice lasts as long as the page.
      }
    },
  }
}
