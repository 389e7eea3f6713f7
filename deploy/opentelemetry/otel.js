// Sets up OpenTelemetry before the server, in each of its processes and threads: `node --import ./otel.js`. Spans are sent
// in batches by OTLP over HTTP, to OTEL_EXPORTER_OTLP_ENDPOINT (http://localhost:4318 by default) as OTEL_SERVICE_NAME.
//   npm install @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] }).register();
