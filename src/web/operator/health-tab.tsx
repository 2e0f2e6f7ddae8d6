/** How the server is: what runs, what is stored, what is behind. */
import { Alert, Group, Progress, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { AlertIcon, CheckIcon, ClockIcon } from '@primer/octicons-react'
import type { InstanceHealth } from '../../api/operator.ts'
import { useInstanceHealth } from '../api/operator.ts'
import { bytes, number } from '../format/sizes.ts'
import { Allowance, Pauses } from '../organization/upstream-budget.tsx'
import { Facts } from '../shell/facts.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { State, Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'

/** Less than this of the disk free wants somebody's hand. */
const NEARLY_FULL = 0.1

type Of<K extends keyof InstanceHealth> = { readonly [name in K]: InstanceHealth[name] }

export function HealthTab() {
  const health = useInstanceHealth()
  if (health.data === undefined) {
    return health.isError ? <Failure error={health.error} retry={() => void health.refetch()} /> : <Rows />
  }
  return (
    <Stack>
      {health.isError ? <Failure error={health.error} /> : null}
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Server {...health.data} />
        <Storage storage={health.data.storage} />
        <Mirrors mirrors={health.data.mirrors} />
        <Followers followers={health.data.followers} deliveries={health.data.deliveries} />
      </SimpleGrid>
      <Upstreams upstreams={health.data.upstreams} />
    </Stack>
  )
}

function Server(o: InstanceHealth) {
  const { text, language } = useSpeech()
  const { facts } = text.operator
  const size = o.database.sizeBytes === null ? '' : ` · ${bytes(o.database.sizeBytes, language)}`
  return (
    <Section title={text.operator.server} lead={text.operator.serverLead}>
      <Facts
        cols={{ base: 2, sm: 3 }}
        facts={[
          [facts.version, o.version],
          [facts.started, <Time key="started" at={o.startedAt} />],
          [facts.memory, bytes(o.residentBytes, language)],
          [facts.database, `${text.operator.engines[o.database.engine]}${size}`],
          [facts.servers, number(o.servers.length, language)],
          [facts.runs, number(o.runs.running, language)],
          [facts.waiting, number(o.runs.waiting, language)],
        ]}
      />
    </Section>
  )
}

function Storage({ storage }: Of<'storage'>) {
  const { text, language } = useSpeech()
  const { blobs, sizeBytes, isWhole, freeBytes, totalBytes } = storage
  const counted = (value: string) => (isWhole ? value : text.operator.atLeast(value))
  const usedShare = freeBytes === null || totalBytes === null ? undefined : 1 - freeBytes / totalBytes
  const isNearlyFull = usedShare !== undefined && usedShare > 1 - NEARLY_FULL
  const used = new Intl.NumberFormat(language, { style: 'percent' }).format(usedShare ?? 0)
  return (
    <Section title={text.operator.storage} lead={text.operator.storageLead}>
      <Facts
        cols={{ base: 2, sm: 3 }}
        facts={[
          [text.operator.blobs, counted(number(blobs, language))],
          [text.operator.bytes, counted(bytes(sizeBytes, language))],
          [
            text.operator.room,
            freeBytes === null || totalBytes === null
              ? text.operator.noSize
              : text.operator.roomLine({ free: bytes(freeBytes, language), total: bytes(totalBytes, language) }),
          ],
        ]}
      />
      {usedShare === undefined ? null : (
        <Progress
          value={usedShare * 100}
          color={isNearlyFull ? 'orange' : 'teal'}
          aria-label={text.operator.used(used)}
        />
      )}
      {isNearlyFull ? (
        <Alert color="orange" variant="light" icon={<AlertIcon />}>
          {text.operator.nearlyFull}
        </Alert>
      ) : null}
    </Section>
  )
}

function Mirrors({ mirrors }: Of<'mirrors'>) {
  const { text, language } = useSpeech()
  return (
    <Section title={text.operator.mirrors}>
      {mirrors.length === 0 ? (
        <Text size="sm" c="dimmed">
          {text.operator.noMirrors}
        </Text>
      ) : (
        <Group gap="lg">
          {mirrors.map(({ state, mirrors: count }) => (
            <Group key={state} gap={6}>
              <Text fw={600}>{number(count, language)}</Text>
              <State state={state} />
            </Group>
          ))}
        </Group>
      )}
    </Section>
  )
}

function Followers({ followers, deliveries }: Of<'followers' | 'deliveries'>) {
  const { text, language } = useSpeech()
  const readers: Readonly<Record<string, string>> = text.operator.readers
  return (
    <Section title={text.operator.deliveries} lead={text.operator.deliveriesLead}>
      {followers.map(({ name, behind, since }) => (
        <Group key={name} gap="sm">
          <Text size="sm">{readers[name] ?? name}</Text>
          {behind === 0 ? (
            <Status tone="good" icon={CheckIcon}>
              {text.operator.inStep}
            </Status>
          ) : (
            <Status tone="working" icon={ClockIcon}>
              {text.operator.behind(number(behind, language))}
            </Status>
          )}
          {since === null ? null : (
            <Text size="sm" c="dimmed">
              <Time at={since} />
            </Text>
          )}
        </Group>
      ))}
      <Facts
        cols={{ base: 2, sm: 4 }}
        facts={[
          [text.operator.pending, number(deliveries.pending, language)],
          [text.operator.failed, number(deliveries.failed, language)],
          ...(deliveries.oldestAt === null
            ? []
            : [[text.operator.oldest, <Time key="oldest" at={deliveries.oldestAt} />] as const]),
          [text.operator.disabled, number(deliveries.disabledWebhooks, language)],
        ]}
      />
    </Section>
  )
}

function Upstreams({ upstreams }: Of<'upstreams'>) {
  const { text } = useSpeech()
  return (
    <Section title={text.operator.upstreams} lead={text.operator.upstreamsLead}>
      {upstreams.length === 0 ? (
        <Text size="sm" c="dimmed">
          {text.operator.noUpstreams}
        </Text>
      ) : (
        <Table verticalSpacing={6}>
          <Table.Tbody>
            {upstreams.map(({ name, organization, budget }) => (
              <Table.Tr key={`${organization ?? ''}/${name}`}>
                <Table.Td w="35%">{organization === null ? name : `${organization}/${name}`}</Table.Td>
                <Table.Td>
                  {budget === null ? (
                    <Status tone="broken" icon={AlertIcon}>
                      {text.operator.noLogin}
                    </Status>
                  ) : (
                    <Stack gap={6}>
                      <Pauses pauses={budget.pauses} />
                      {budget.allowances.map((one) => (
                        <Allowance key={`${one.kind} ${one.windowSeconds}`} allowance={one} />
                      ))}
                      {budget.allowances.length + budget.pauses.length === 0 ? (
                        <Text size="sm" c="dimmed">
                          {text.operator.noLimit}
                        </Text>
                      ) : null}
                    </Stack>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  )
}
