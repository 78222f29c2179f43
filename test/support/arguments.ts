/** Command lines of the test programs: what cannot be meant is refused with the usage and exit code 2. */

/** Gives what `read` made of the command line, or says what is wrong with it and ends the process. */
export function argumentsOr<Values>(usage: string, read: () => Values): Values {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage)
    process.exit(0)
  }
  try {
    return read()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

/** A whole number of at least `min`; throws where the text is none. */
export function wholeNumber(name: string, text: string, min = 1): number {
  const value = Number(text)
  if (/^\d{1,15}$/.test(text) && value >= min) return value
  throw new RangeError(`--${name} is a whole number from ${min} on, not ${JSON.stringify(text)}`)
}
