/** The repositories that store most. */
import { Stack, Text } from '@mantine/core'
import { useRepositories } from '../api/repositories.ts'
import { bytes } from '../format/sizes.ts'
import { Failure, Rows } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

const SHOWN = 10

export function Largest({ organization }: { readonly organization: string }) {
  const { text, language } = useSpeech()
  const repositories = useRepositories(organization)
  const largest = repositories.data?.items
    .filter(({ sizeBytes }) => sizeBytes > 0)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, SHOWN)
  const most = largest?.[0]?.sizeBytes ?? 1
  return (
    <Section title={text.home.largestTitle} lead={text.home.largestLead}>
      {repositories.isError ? (
        <Failure error={repositories.error} retry={() => void repositories.refetch()} />
      ) : largest === undefined ? (
        <Rows count={4} />
      ) : largest.length === 0 ? (
        <Text c="dimmed">{text.home.nothingStored}</Text>
      ) : (
        <Stack gap={8}>
          {largest.map(({ name, sizeBytes }) => (
            <div key={name} className="largest">
              <RepositoryLink name={name} isShort />
              <Text size="sm" ta="right">
                {bytes(sizeBytes, language)}
              </Text>
              <div className="bar" aria-hidden="true">
                <div style={{ width: `${Math.max(1, (sizeBytes / most) * 100)}%` }} />
              </div>
            </div>
          ))}
        </Stack>
      )}
    </Section>
  )
}
