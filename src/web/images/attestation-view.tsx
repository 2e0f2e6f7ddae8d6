/** One attestation to read: what it says of itself, and its predicate as a tree of names and values. Never as markup. */
import { Alert, Button, Code, Stack, Text } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { type ImagePlace, useAttestation } from '../api/images.ts'
import { bytes } from '../format/sizes.ts'
import { Facts } from '../shell/facts.tsx'
import { Digest, Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { nameOfPredicate } from './predicate-names.ts'
import { ReadableValue } from './readable-value.tsx'

export function AttestationView(o: {
  readonly place: ImagePlace
  readonly digest: string
  readonly close: () => void
}) {
  const { text, language } = useSpeech()
  const words = text.images
  const answer = useAttestation(o.place, o.digest)
  const top = useRef<HTMLDivElement>(null)
  const isHere = answer.data !== undefined
  // It stands below a tree that may be long.
  useEffect(() => {
    if (isHere) top.current?.scrollIntoView({ block: 'nearest' })
  }, [isHere])
  if (answer.isError) return <Failure error={answer.error} retry={() => void answer.refetch()} />
  if (answer.data === undefined) return <Rows />
  return (
    <Stack ref={top}>
      {answer.data.documents.map((one) => (
        <Section
          key={one.blob}
          title={one.predicateType === null ? one.mediaType : nameOfPredicate(one.predicateType)}
          lead={<Code>{one.saidType ?? one.predicateType ?? one.mediaType}</Code>}
          action={
            <Button variant="default" size="xs" onClick={o.close}>
              {text.common.close}
            </Button>
          }
        >
          <Facts
            cols={{ base: 2, sm: 3 }}
            facts={[
              [words.document, <Digest key="digest" digest={one.blob} />],
              [words.size, bytes(one.sizeBytes, language)],
              [words.signature, answer.data.attestation.isSigned ? words.signed : words.unsigned],
            ]}
          />
          {one.isAboutParent === false ? (
            <Alert color="red" variant="light">
              {words.aboutAnother}
            </Alert>
          ) : null}
          {one.saidType !== null && one.predicateType !== null && one.saidType !== one.predicateType ? (
            <Alert color="red" variant="light">
              {words.anotherType(one.predicateType)}
            </Alert>
          ) : null}
          {one.problem === null ? (
            <ReadableValue value={one.value} />
          ) : (
            <Text size="sm" c="dimmed">
              {one.problem}
            </Text>
          )}
          {one.isCut ? (
            <Text size="sm" c="dimmed">
              {words.cut}
            </Text>
          ) : null}
        </Section>
      ))}
    </Stack>
  )
}
