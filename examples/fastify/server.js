// The lane in a Fastify server: GET /wordcount?text=to+be
import { fastify } from 'fastify';
import { CallError, createLane } from 'millrace';
import wordcount from './tasks/wordcount.js';

const app = fastify({ logger: { level: 'warn' } });
// With Fastify's own logger (pino) the lane's lines go where Fastify's go.
const lane = await createLane({ tasks: new URL('./tasks', import.meta.url), log: app.log });
app.addHook('onClose', () => lane.close());

app.get('/wordcount', (request) =>
  lane.call(wordcount, { text: request.query.text ?? '' }, { req: request.raw }),
);

app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof CallError)) throw error;
  if (error.retryAfterSeconds !== undefined) reply.header('Retry-After', error.retryAfterSeconds);
  return reply.code(error.status).send({ code: error.code, errors: error.errors });
});

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' }));

process.once('SIGTERM', () => app.close());
