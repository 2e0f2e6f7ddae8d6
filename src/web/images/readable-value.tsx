/** An attestation as people read it: VEX as a table, provenance as facts; below it, and of all others, the values as they stand. */
import { Table, Text } from '@mantine/core'
import { number } from '../format/sizes.ts'
import { Facts } from '../shell/facts.tsx'
import { LongTable } from '../shell/long-table.tsx'
import { Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { type Provenance, readProvenance, readVex, type VexStatement } from './read-attestation.ts'
import { VexBadge } from './severity.tsx'
import { ValueTree } from './value-tree.tsx'

export function ReadableValue({ value }: { readonly value: unknown }) {
  const { text } = useSpeech()
  const vex = readVex(value)
  const provenance = vex === undefined ? readProvenance(value) : undefined
  if (vex === undefined && provenance === undefined) return <ValueTree value={value} />
  return (
    <>
      {vex === undefined ? null : <Statements statements={vex} />}
      {provenance === undefined ? null : <ProvenanceFacts of={provenance} />}
      <details>
        <summary>{text.images.asWritten}</summary>
        <ValueTree value={value} />
      </details>
    </>
  )
}

function Statements({ statements }: { readonly statements: readonly VexStatement[] }) {
  const { text } = useSpeech()
  const words = text.images
  return (
    <LongTable
      items={statements}
      keyOf={({ key }) => key}
      head={
        <>
          <Table.Th>{words.vulnerability}</Table.Th>
          <Table.Th>{words.vex}</Table.Th>
          <Table.Th>{words.reason}</Table.Th>
        </>
      }
      row={(one) => (
        <>
          <Table.Td fw={500}>{one.id}</Table.Td>
          <Table.Td>
            <VexBadge status={one.status} />
          </Table.Td>
          <Table.Td style={{ overflowWrap: 'anywhere' }}>{one.said}</Table.Td>
        </>
      )}
    />
  )
}

function ProvenanceFacts({ of }: { readonly of: Provenance }) {
  const { text, language } = useSpeech()
  const words = text.images.provenance
  const written = (value: string | undefined) => (
    <Text span inherit style={{ overflowWrap: 'anywhere' }}>
      {value ?? '–'}
    </Text>
  )
  // They are what the builder says: no date is one that cannot be read.
  const time = (value: string | undefined) =>
    value === undefined || Number.isNaN(Date.parse(value)) ? written(value) : <Time at={value} />
  return (
    <Facts
      cols={{ base: 1, sm: 2 }}
      facts={[
        [words.builder, written(of.builder)],
        [words.buildType, written(of.buildType)],
        [words.source, written(of.source)],
        [words.materials, of.materials === undefined ? '–' : number(of.materials, language)],
        [words.started, time(of.started)],
        [words.finished, time(of.finished)],
      ]}
    />
  )
}
