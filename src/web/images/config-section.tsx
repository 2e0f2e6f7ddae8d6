/** What a container of it starts with, and its layers; of a chart, its metadata and the images that it names. */
import { Code, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ChartFacts, ImageConfigFacts, ImagePlatform } from '../../api/images.ts'
import { bytes } from '../format/sizes.ts'
import { Facts } from '../shell/facts.tsx'
import { Digest, Empty, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import type { Known } from './known.ts'

export function ConfigSection({ image }: Known) {
  const { text } = useSpeech()
  const { selected, chart, annotations } = image
  return (
    <Stack>
      {chart === null ? null : <Chart chart={chart} />}
      {selected?.config ? <Config config={selected.config} /> : null}
      {selected === null ? null : <Layers selected={selected} />}
      {Object.keys(annotations).length === 0 ? null : (
        <Section title={text.images.annotations}>
          <Pairs pairs={Object.entries(annotations)} />
        </Section>
      )}
      {chart === null && selected === null ? <Empty>{text.images.nothingToRun}</Empty> : null}
    </Stack>
  )
}

function Config({ config }: { readonly config: ImageConfigFacts }) {
  const { text } = useSpeech()
  const words = text.images
  const line = (parts: readonly string[]): ReactNode =>
    parts.length === 0 ? words.none : <Code style={{ overflowWrap: 'anywhere' }}>{JSON.stringify(parts)}</Code>
  return (
    <Section title={words.config}>
      <Facts
        cols={{ base: 1, xs: 2, md: 4 }}
        facts={[
          [words.entrypoint, line(config.entrypoint)],
          [words.cmd, line(config.cmd)],
          [words.user, config.user ?? words.root],
          [words.workingDir, config.workingDir ?? '/'],
          [words.ports, config.ports.join(', ') || words.none],
          [words.volumes, config.volumes.join(', ') || words.none],
          [words.created, config.created === null ? words.none : <Created key="created" at={config.created} />],
          [words.stopSignal, config.stopSignal ?? 'SIGTERM'],
        ]}
      />
      {config.env.length === 0 ? null : (
        <>
          <Text fw={500} size="sm">
            {words.env}
          </Text>
          <Pairs pairs={config.env.map((one) => split(one))} />
        </>
      )}
      {Object.keys(config.labels).length === 0 ? null : (
        <>
          <Text fw={500} size="sm">
            {words.labels}
          </Text>
          <Pairs pairs={Object.entries(config.labels)} />
        </>
      )}
    </Section>
  )
}

/** Images say what they like of when they were made. */
function Created({ at }: { readonly at: string }) {
  return Number.isNaN(Date.parse(at)) ? at : <Time at={at} />
}

function split(one: string): readonly [string, string] {
  const at = one.indexOf('=')
  return at === -1 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)]
}

export function Pairs({ pairs }: { readonly pairs: readonly (readonly [string, string])[] }) {
  return (
    <Table verticalSpacing={4} layout="fixed">
      <Table.Tbody>
        {pairs.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" w="38%" fw={400} style={{ overflowWrap: 'anywhere' }}>
              {name}
            </Table.Th>
            <Table.Td ff="monospace" fz="sm" style={{ overflowWrap: 'anywhere' }}>
              {value}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Layers({ selected }: { readonly selected: ImagePlatform }) {
  const { text, language } = useSpeech()
  const words = text.images
  if (selected.layers.length === 0) return null
  return (
    <Section title={words.layers(selected.layerCount)}>
      <Table.ScrollContainer minWidth={620}>
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.digest}</Table.Th>
              <Table.Th>{words.madeBy}</Table.Th>
              <Table.Th>{words.mediaType}</Table.Th>
              <Table.Th ta="right">{words.size}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {selected.layers.map((layer, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a layer may be there twice, and its place is what it is.
              <Table.Tr key={i}>
                <Table.Td>
                  <Digest digest={layer.digest} />
                </Table.Td>
                <Table.Td ff="monospace" fz="xs" style={{ overflowWrap: 'anywhere' }}>
                  {layer.command ?? ''}
                </Table.Td>
                <Table.Td fz="xs" c="dimmed">
                  {layer.mediaType.replace(/^application\/vnd\./, '')}
                </Table.Td>
                <Table.Td ta="right">{bytes(layer.sizeBytes, language)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  )
}

function Chart({ chart }: { readonly chart: ChartFacts }) {
  const { text } = useSpeech()
  const words = text.images
  return (
    <Section title={words.chart} lead={chart.description}>
      <Facts
        cols={{ base: 2, md: 4 }}
        facts={[
          [words.chartName, chart.name],
          [words.version, chart.version],
          [words.appVersion, chart.appVersion ?? words.none],
          [words.kubeVersion, chart.kubeVersion ?? words.none],
        ]}
      />
      {chart.dependencies.length === 0 ? null : (
        <>
          <Text fw={500} size="sm">
            {words.dependencies}
          </Text>
          <Pairs pairs={chart.dependencies.map((one) => [one.name, `${one.version} ${one.repository}`])} />
        </>
      )}
      <Text fw={500} size="sm">
        {words.chartImages}
      </Text>
      {chart.images === null || chart.images.length === 0 ? (
        <Text size="sm" c="dimmed">
          {chart.images === null ? words.chartImagesUnread : words.none}
        </Text>
      ) : (
        <Pairs pairs={chart.images.map(({ place, image }) => [place, image])} />
      )}
    </Section>
  )
}
