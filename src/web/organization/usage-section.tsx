/** What is stored, by repository, the largest first. */
import { Progress, Stack, Table, Text } from '@mantine/core'
import { useOrganization } from '../api/organizations.ts'
import { useRepositories } from '../api/repositories.ts'
import { bytes, number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { QuotaBar } from './quota-bar.tsx'

export function UsageSection({ organization }: { readonly organization: string }) {
  const { text, language } = useSpeech()
  const whole = useOrganization(organization)
  const repositories = useRepositories(organization)
  if (repositories.isError) return <Failure error={repositories.error} retry={() => void repositories.refetch()} />
  if (repositories.data === undefined) return <Rows />
  const largest = [...repositories.data.items].sort((a, b) => b.sizeBytes - a.sizeBytes)
  const most = largest[0]?.sizeBytes ?? 0
  const { columns } = text.organization
  const { sizeBytes = null, quotaBytes = null, definitionsBytes } = whole.data ?? {}
  return (
    <Stack>
      {sizeBytes === null ? null : (
        <Section title={text.organization.quota} lead={text.organization.quotaHelp}>
          {quotaBytes === null ? (
            <Text size="sm">
              <Text span fw={600}>
                {bytes(sizeBytes, language)}
              </Text>
              {' · '}
              {text.organization.noQuota}
            </Text>
          ) : (
            <QuotaBar used={sizeBytes} quota={quotaBytes} />
          )}
          {definitionsBytes ? (
            <Text size="sm" c="dimmed">
              {text.organization.ofDefinitions(bytes(definitionsBytes, language))}
            </Text>
          ) : null}
        </Section>
      )}
      <Section title={text.organization.usageTitle} lead={text.organization.usageLead}>
        {largest.length === 0 ? (
          <Teach>{text.organization.usageEmpty}</Teach>
        ) : (
          <LongTable
            items={largest}
            keyOf={({ name }) => name}
            head={
              <>
                <Table.Th>{columns.repository}</Table.Th>
                <Table.Th ta="right">{columns.size}</Table.Th>
                <Table.Th w="30%">{columns.share}</Table.Th>
                <Table.Th ta="right">{columns.tags}</Table.Th>
                <Table.Th ta="right">{columns.updated}</Table.Th>
              </>
            }
            row={(one) => (
              <>
                <Table.Td>
                  <RepositoryLink name={one.name} isShort />
                </Table.Td>
                <Table.Td ta="right">{bytes(one.sizeBytes, language)}</Table.Td>
                <Table.Td>
                  <Progress
                    value={most === 0 ? 0 : (one.sizeBytes / most) * 100}
                    color="teal"
                    aria-label={`${one.name}: ${bytes(one.sizeBytes, language)}`}
                  />
                </Table.Td>
                <Table.Td ta="right">{number(one.tags, language)}</Table.Td>
                <Table.Td ta="right">
                  <Time at={one.updatedAt} />
                </Table.Td>
              </>
            )}
          />
        )}
      </Section>
    </Stack>
  )
}
