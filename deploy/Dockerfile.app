# An app of your own that has millrace in its dependencies: app.js and tasks/ beside package.json. Copy this file and
# app.dockerignore (as .dockerignore) into its folder, then:
#   docker build -t my-app .
FROM node:22-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# For jobs on Redis (REDIS_URL) your package.json has bullmq@6 and ioredis@5 among its dependencies.
RUN npm ci --omit=dev

FROM node:22-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY . .
USER 1000:1000
EXPOSE 3000 3001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/livez`).then((res) => process.exit(res.ok ? 0 : 1), () => process.exit(1))"]
# Not `npm start`: npm would stand between the signals and the server.
CMD ["node_modules/.bin/millrace", "./app.js"]
