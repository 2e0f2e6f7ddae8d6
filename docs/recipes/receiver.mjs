// A receiver to try webhooks with: believes what is signed by SECRET, and prints what it tells. SECRET=whsec_… node docs/recipes/receiver.mjs
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.SECRET ?? '')

const server = createServer(async (request, response) => {
  try {
    const body = Buffer.concat(await request.toArray())
    const { kagami, repository, push_data } = webhook.verify(body, request.headers)
    console.log('verified:', kagami.kind, [repository?.repo_name, push_data?.tag].filter(Boolean).join(':'))
    response.writeHead(204)
  } catch (error) {
    console.log('refused:', error.message)
    response.writeHead(401)
  }
  response.end()
})
server.listen(Number(process.env.PORT ?? 9000), '127.0.0.1', () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`),
)
