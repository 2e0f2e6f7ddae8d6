/** Pulls and storage over time; a file of its own, as charts weigh more than the rest of the page. */
import { AreaChart, BarChart } from '@mantine/charts'
import '@mantine/charts/styles.css'
import { SimpleGrid, Stack, Text, VisuallyHidden } from '@mantine/core'
import type { UsageAnswer } from '../../api/usage.ts'
import { bytes, number } from '../format/sizes.ts'
import { dayName } from '../format/times.ts'
import { useSpeech } from '../text/language.tsx'

const HEIGHT = 180
/** So few points make no area that could be seen. */
const FEW = 4

export function UsageCharts({ usage }: { readonly usage: UsageAnswer }) {
  const { text, language } = useSpeech()
  const { chart } = text.home
  const days = usage.periods.map(({ at, pulls, storedBytes }) => ({
    day: dayName(at, language),
    pulls,
    ...(storedBytes === null ? {} : { stored: storedBytes }),
  }))
  const known = days.filter(({ stored }) => stored !== undefined).length
  const hasStored = known > 0
  return (
    <SimpleGrid cols={{ base: 1, md: hasStored ? 2 : 1 }}>
      <Chart title={chart.pulls}>
        <BarChart
          h={HEIGHT}
          data={days}
          dataKey="day"
          series={[{ name: 'pulls', label: chart.pulls, color: 'teal.6' }]}
          valueFormatter={(value) => number(value, language)}
          gridAxis="x"
          tickLine="none"
          xAxisProps={{ minTickGap: 24 }}
          barChartProps={{ accessibilityLayer: false }}
          yAxisProps={{ width: 52, allowDecimals: false, tickFormatter: (value: number) => number(value, language) }}
        />
      </Chart>
      {hasStored ? (
        <Chart title={chart.stored}>
          <AreaChart
            h={HEIGHT}
            data={days}
            dataKey="day"
            series={[{ name: 'stored', label: chart.stored, color: 'teal.6' }]}
            valueFormatter={(value) => bytes(value, language)}
            curveType="stepAfter"
            withDots={known < FEW}
            gridAxis="x"
            tickLine="none"
            xAxisProps={{ minTickGap: 24 }}
            areaChartProps={{ accessibilityLayer: false }}
            yAxisProps={{ width: 64, tickFormatter: (value: number) => bytes(value, language) }}
          />
        </Chart>
      ) : null}
      <VisuallyHidden>
        <table>
          <caption>{text.home.usageTitle}</caption>
          <thead>
            <tr>
              <th>{chart.day}</th>
              <th>{chart.pulls}</th>
              <th>{chart.stored}</th>
            </tr>
          </thead>
          <tbody>
            {days.map((one) => (
              <tr key={one.day}>
                <td>{one.day}</td>
                <td>{number(one.pulls, language)}</td>
                <td>{one.stored === undefined ? '–' : bytes(one.stored, language)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </SimpleGrid>
  )
}

/** The table below says the same to who does not see it. */
function Chart({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  return (
    <Stack gap={4} aria-hidden="true">
      <Text size="sm" c="dimmed">
        {title}
      </Text>
      {children}
    </Stack>
  )
}
