import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { parseFigures } from './metrics-text.js'

const TEXT = `# HELP parley_x Something.
# TYPE parley_x counter
parley_x 3
parley_refusals_total{refusal="overloaded"} 2
parley_refusals_total{refusal="draining"} 1
parley_sync_bucket{le="0.001"} 10
parley_sync_bucket{le="0.01"} 90
parley_sync_bucket{le="+Inf"} 100
`

test('figures are read back, labels together and apart', () => {
  const figures = parseFigures(TEXT)
  deepEqual([figures.value('parley_x'), figures.value('parley_refusals_total'), figures.value('absent')], [3, 3, 0])
  equal(figures.byLabel('parley_refusals_total').get('draining'), 1)
})

test('a quantile is the end of the bucket that holds it, of what came since', () => {
  const figures = parseFigures(TEXT)
  equal(figures.quantile('parley_sync', 0.1, undefined), 0.001)
  equal(figures.quantile('parley_sync', 0.11, undefined), 0.01)
  equal(figures.quantile('parley_sync', 0.91, undefined), Number.POSITIVE_INFINITY)
  equal(figures.quantile('parley_sync', 0.5, figures), undefined)
  const earlier = parseFigures(
    'parley_sync_bucket{le="0.001"} 10\nparley_sync_bucket{le="0.01"} 10\nparley_sync_bucket{le="+Inf"} 10\n',
  )
  equal(figures.quantile('parley_sync', 0.01, earlier), 0.01)
})
