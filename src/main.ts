/**
 * `npm start`: `parley dev`, under the name that package.json, the benchmarks and tests call it by.
 */
process.argv.splice(2, 0, 'dev')
await import('./cli/main.js')
