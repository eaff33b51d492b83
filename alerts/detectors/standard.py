"""The detectors of a house, and every number that can be set on them."""

from dataclasses import dataclass, field

from alerts.detectors.baseline import Baseline, BaselineSettings
from alerts.detectors.bed import BedExit, BedSettings
from alerts.detectors.breathing_pause import BreathingPause, BreathingPauseSettings
from alerts.detectors.contract import Detector
from alerts.detectors.early_warning import EarlyWarning, EarlyWarningSettings
from alerts.detectors.fall import FallSettings, WristFall
from alerts.detectors.fall_device import DeviceFall, DeviceFallSettings
from alerts.detectors.fusion import Fusion, FusionSettings
from alerts.detectors.geofence import Geofence, GeofenceSettings
from alerts.detectors.restless import Restless, RestlessSettings
from alerts.detectors.sensors import Sensors, SensorSettings
from alerts.detectors.sos import Press, PressSettings
from alerts.detectors.supervision import Supervision, SupervisionSettings
from alerts.detectors.vitals import VitalLimits, VitalSettings
from alerts.detectors.wandering_signs import WanderingSettings, WanderingSigns
from alerts.detectors.wear import Wear, WearSettings
from alerts.detectors.zones import ZoneTable


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Settings of all standard detectors; units, reasons and sources stand with each part."""

    press: PressSettings = field(default_factory=PressSettings)
    fall: FallSettings = field(default_factory=FallSettings)
    device_fall: DeviceFallSettings = field(default_factory=DeviceFallSettings)
    vitals: VitalSettings = field(default_factory=VitalSettings)
    early_warning: EarlyWarningSettings = field(default_factory=EarlyWarningSettings)
    baseline: BaselineSettings = field(default_factory=BaselineSettings)
    wear: WearSettings = field(default_factory=WearSettings)
    breathing_pause: BreathingPauseSettings = field(default_factory=BreathingPauseSettings)
    bed: BedSettings = field(default_factory=BedSettings)
    restless: RestlessSettings = field(default_factory=RestlessSettings)
    fusion: FusionSettings = field(default_factory=FusionSettings)
    geofence: GeofenceSettings = field(default_factory=GeofenceSettings)
    wandering: WanderingSettings = field(default_factory=WanderingSettings)
    sensors: SensorSettings = field(default_factory=SensorSettings)
    supervision: SupervisionSettings = field(default_factory=SupervisionSettings)


def standard_detectors(zones: ZoneTable, settings: DetectorSettings | None = None) -> tuple[Detector, ...]:
    """One of each, the urgent first."""
    settings = settings or DetectorSettings()
    return (
        Press(settings.press),
        DeviceFall(settings.device_fall),
        WristFall(settings.fall),
        VitalLimits(settings.vitals),
        EarlyWarning(settings.early_warning),
        Baseline(settings.baseline),
        Wear(settings.wear),
        BreathingPause(settings.breathing_pause),
        BedExit(settings.bed),
        Restless(settings.restless),
        Fusion(settings.fusion),
        Geofence(zones, settings.geofence),
        *((WanderingSigns(settings.wandering),) if settings.wandering.enabled else ()),
        Sensors(settings.sensors),
        Supervision(settings.supervision),
    )
